"""Knowledge distillation: a small model, the student, learns from the answers of a large one, the teacher."""
