"""Settings of Hypothesis, and an environment that no shell's settings reach."""

from hypothesis import Phase, settings

QUICK = {"deadline": None, "database": None, "phases": [Phase.explicit, Phase.generate, Phase.shrink]}
settings.register_profile("fixed", max_examples=100, derandomize=True, **QUICK)
settings.register_profile("long", max_examples=3000, print_blob=True, **QUICK)  # pytest --hypothesis-profile=long
settings.load_profile("fixed")
