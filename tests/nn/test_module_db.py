"""torch's own samples for its recurrent modules, run on ours beside torch's."""

import itertools

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db
from torch.utils._pytree import tree_leaves

import recurra as rc

OURS = {nn.RNN: rc.nn.RNN, nn.LSTM: rc.nn.LSTM, nn.GRU: rc.nn.GRU}
INFOS = {info.module_cls: info for info in module_db if info.module_cls in OURS}
SETTINGS = list(itertools.product((torch.float32, torch.float64), (False, True)))

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")


def samples(kind, dtype, training, requires_grad):
    info = INFOS[kind]
    torch.manual_seed(0)
    return info.module_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=requires_grad, training=training
    )


def error_samples(kind, dtype, training):
    info = INFOS[kind]
    return info.module_error_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=False, training=training
    )


def build(module_type, function_input, dtype, training):
    module = module_type(*function_input.args, **function_input.kwargs)
    return module.to(dtype).train(training)


def gradients(module, args, kwargs, outputs):
    """Of everything that takes one: the arguments and the weights."""
    torch.manual_seed(1)
    leaves = [leaf for leaf in tree_leaves((args, kwargs)) if leaf.requires_grad]
    loss = sum(
        (y * torch.randn_like(y)).sum() for y in tree_leaves(outputs) if y.is_floating_point()
    )
    return torch.autograd.grad(loss, [*leaves, *module.parameters()])


def test_the_data_base_has_samples_of_all_three():
    assert set(INFOS) == set(OURS)
    assert all(len(samples(kind, torch.float32, False, False)) > 15 for kind in OURS)
    assert all(len(error_samples(kind, torch.float32, False)) > 10 for kind in OURS)


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize(("dtype", "training"), SETTINGS)
@pytest.mark.parametrize("kind", OURS)
def test_every_sample_gives_torchs_answers_and_gradients(
    kind, dtype, training, requires_grad, engine
):
    for sample in samples(kind, dtype, training, requires_grad):
        theirs = build(kind, sample.constructor_input, dtype, training)
        ours = build(OURS[kind], sample.constructor_input, dtype, training)
        ours.load_state_dict(theirs.state_dict())
        args, kwargs = sample.forward_input.args, sample.forward_input.kwargs

        wanted = theirs(*args, **kwargs)
        got = ours(*args, **kwargs)

        assert_close(got, wanted)
        assert_close(gradients(ours, args, kwargs, got), gradients(theirs, args, kwargs, wanted))
        if sample.reference_fn is not None:
            assert_close(got, sample.reference_fn(ours, *args, **kwargs))


@pytest.mark.parametrize(("dtype", "training"), SETTINGS)
@pytest.mark.parametrize("kind", OURS)
def test_every_error_sample_raises_torchs_error(kind, dtype, training, engine):
    for error in error_samples(kind, dtype, training):
        sample = error.module_error_input
        if error.error_on == ModuleErrorEnum.CONSTRUCTION_ERROR:
            with pytest.raises(error.error_type, match=error.error_regex):
                OURS[kind](*sample.constructor_input.args, **sample.constructor_input.kwargs)
        else:
            module = OURS[kind](*sample.constructor_input.args, **sample.constructor_input.kwargs)
            with pytest.raises(error.error_type, match=error.error_regex):
                module(*sample.forward_input.args, **sample.forward_input.kwargs)
