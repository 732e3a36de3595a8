"""What is counted comes out as it went in, to people and to Prometheus' own parser."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from recurra.errors import MissingExtraError
from recurra.streaming import Metrics
from recurra.streaming.metrics import BOUNDS, COUNTERS, GAUGES, TIMES


def parsed(text):
    """Samples by name and by bound, as a server that scrapes sees them."""
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    return {
        (sample.name, sample.labels.get("le")): sample.value
        for family in families
        for sample in family.samples
    }


def test_prometheus_reads_what_was_counted():
    metrics = Metrics()
    metrics.count("events", 300)
    metrics.count("events", 20)
    metrics.count("commits")
    metrics.gauge("keys", 7)
    metrics.gauge("keys", 5)
    for seconds in (3e-6, 3e-6, 0.15, 60.0):
        metrics.observe("step", seconds)

    samples = parsed(metrics.text())

    assert samples["recurra_events_total", None] == 320
    assert samples["recurra_commits_total", None] == 1
    assert samples["recurra_keys", None] == 5
    assert samples["recurra_step_seconds_count", None] == 4
    assert samples["recurra_step_seconds_sum", None] == pytest.approx(60.150006)
    le = {float(bound): value for (name, bound), value in samples.items() if bound is not None
          and name == "recurra_step_seconds_bucket"}  # fmt: skip
    assert len(le) == len(BOUNDS) + 1
    assert [le[b] for b in (2e-6, 5e-6, 0.1, 0.2, 10.0, np.inf)] == [0, 2, 2, 3, 3, 4]


def test_all_that_recurra_counts_is_there_from_the_start_and_says_what_it_is():
    metrics = Metrics()

    families = {family.name: family for family in text_string_to_metric_families(metrics.text())}

    assert set(metrics.snapshot()) == {*COUNTERS, *GAUGES, *TIMES}
    assert families["recurra_events"].documentation == "Events stepped."
    assert len(families) == len(COUNTERS) + len(GAUGES) + len(TIMES)


def test_names_of_ones_own_are_counted_too():
    metrics = Metrics()
    metrics.count("alarms", 2)
    metrics.gauge("load", 0.5)
    metrics.observe("model_call", 0.25)

    samples = parsed(metrics.text())

    assert samples["recurra_alarms_total", None] == 2
    assert samples["recurra_load", None] == 0.5
    assert samples["recurra_model_call_seconds_count", None] == 1
    assert metrics.snapshot()["model_call"]["max"] == 0.25


def test_it_is_a_collector_for_a_registry_of_ones_own():
    metrics = Metrics()
    registry = CollectorRegistry()
    registry.register(metrics)
    metrics.count("events", 3)

    assert generate_latest(registry).decode() == metrics.text()


@example([0.0, 1.0], 0.5)
@given(st.lists(st.floats(0, 20), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_in_the_bucket_of_the_real_one(spans, q):
    metrics = Metrics()
    for seconds in spans:
        metrics.observe("step", seconds)
    real = np.quantile(spans, q, method="inverted_cdf")
    edges = np.array([0.0, *BOUNDS, np.inf])
    bucket = max(1, np.searchsorted(edges, real, side="left"))  # 0 is in the first one

    summary = metrics.snapshot()["step"]

    got = summary[f"p{round(100 * q)}"]
    assert edges[bucket - 1] <= got <= edges[bucket]
    assert got <= summary["max"] == max(spans)
    assert summary["count"] == len(spans)


def test_a_clock_that_goes_backwards_is_no_time():
    metrics = Metrics()
    metrics.observe("commit", -1.0)

    assert metrics.snapshot()["commit"]["sum"] == 0


def test_threads_lose_no_count():
    metrics = Metrics()

    def work(_):
        for _ in range(2000):
            metrics.count("events", 2)
            metrics.observe("step", 1e-5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert metrics.snapshot()["events"] == 32_000
    assert metrics.snapshot()["step"]["count"] == 16_000


def test_counting_needs_no_other_package_and_the_text_names_the_one_it_misses(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    metrics = Metrics()
    metrics.count("events")

    assert metrics.snapshot()["events"] == 1
    with pytest.raises(MissingExtraError, match=r'prometheus-client .*"recurra\[streams\]"'):
        metrics.text()
    with pytest.raises(MissingExtraError, match="prometheus-client"):
        next(iter(metrics.collect()))


def test_importing_streams_loads_no_prometheus_client():
    code = "import sys, recurra.streaming; recurra.streaming.Metrics(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "recurra.streaming.metrics" in done.stdout.split()
    assert "prometheus_client" not in done.stdout
