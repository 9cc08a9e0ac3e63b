#!/bin/bash
# Four nodes train one model, one worker on each with all its GPUs: sbatch slurm.sh
#SBATCH --job-name=tfopt
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --time=08:00:00
# With GPUs: #SBATCH --gpus-per-node=8

# Requeued after a node has died, the same command goes on from the checkpoint: the folder must be one that all nodes
# see, because another may be the first then.
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:-.}"
export TF_CPP_MIN_LOG_LEVEL=3

srun --kill-on-bad-exit=0 --label \
    tfopt train --data digits --workers env --worker-timeout 600 --max-restarts 3 --checkpoint-steps 500 --resume
