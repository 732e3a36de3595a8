"""How the tests run: random sizes are drawn afresh, and no test depends on how fast it is."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "recurra", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("recurra")
