"""The long errors of Keras on a file that it does not load become one sentence that says what to do."""

import re

import keras


def explain(error: Exception, name: str) -> str:
    """Say why Keras does not load the file `name`: a custom layer is named with the option that gives its code."""
    text = str(error)
    if "Lambda" in text and ("unsafe" in text or "safe_mode" in text or "arbitrary code" in text):
        return f"{name} has a Lambda layer, whose code would run on loading: refused; replace it by a registered layer"
    named = re.findall(r"'registered_name': '([^']+)'", text)
    unknown = [one for one in named if ">" in one and not keras.saving.get_registered_object(one)]
    unknown += re.findall(r"Could not locate (?:class|function) '([^']+)'", text)
    if unknown:
        return (
            f"{name} uses {unknown[-1]}, a custom layer or function that is not known here; give the code that has it"
            " with `custom_objects` module:function"
        )
    line = " ".join(text.split())[:200] or type(error).__name__
    return f"{name} cannot be loaded by Keras {keras.__version__}: {line}"
