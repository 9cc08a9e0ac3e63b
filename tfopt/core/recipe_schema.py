"""The JSON schema of recipes (draft 2020-12): what editors complete by, made from the configs of all techniques."""

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tfopt.core import registry
from tfopt.core.recipe import Recipe
from tfopt.typing import Json

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TEMPLATE = "#/$defs/{model}"


def recipe_schema() -> Json:
    """Return the schema, which has the types, ranges and words of all fields.

    `tfopt run` checks more, such as what does not go together, and also reads numbers in quotes.
    """
    techniques = [registry.technique(name) for name in registry.names()]
    kinds: list[type[BaseModel]] = [Recipe, *(one.config for one in techniques)]
    places, schema = models_json_schema([(kind, "validation") for kind in kinds], ref_template=TEMPLATE)
    definitions = schema["$defs"]
    definitions.pop("RecipeStep")
    recipe = definitions.pop("Recipe")
    definitions["Step"] = {
        "description": "A technique by its name, and the fields of its config; what is left out keeps its default.",
        "oneOf": [
            {
                "type": "object",
                "properties": {
                    "technique": {"const": one.name, "description": registry.summary_of(one)},
                    "config": places[(one.config, "validation")],
                },
                "required": ["technique"],
                "additionalProperties": False,
            }
            for one in techniques
        ],
    }
    recipe["properties"]["steps"]["items"] = {"$ref": TEMPLATE.format(model="Step")}
    recipe["properties"] = {
        "extends": {"type": "string", "description": "A recipe that gives the fields which this one leaves out."},
        **recipe["properties"],
    }
    recipe["anyOf"] = [{"required": ["extends"]}, {"required": recipe.pop("required")}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tfopt recipe",
        **recipe,
        "$defs": definitions,
    }
