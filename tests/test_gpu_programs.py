"""The kernels of a GPU's programs, counted without one."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from tests import gpu_programs

PROGRAM = """HloModule jit_train_epoch
%body.1 (p: (s32[], f32[3])) -> (s32[], f32[3]) {
  %p = (s32[], f32[3]) parameter(0)
  %x.1 = f32[3]{0} get-tuple-element(%p), index=1
  %gemm_fusion_dot.1 = (f32[3], f32[3], f32[3], f32[3], f32[3], /*index=5*/f32[3]) fusion(%x.1)
  %cond.1 = (f32[3]{0}) conditional(%i, %x.1), branch_computations={%yes.1, %no.1}
  %inner.1 = (s32[]) while(%t), condition=%c.1, body=%inner_body.1
  ROOT %out.1 = (s32[], f32[3]{0}) tuple(%i, %x.1)
}
%inner_body.1 (q: (s32[])) -> (s32[]) {
  ROOT %loop_add_fusion.1 = s32[] fusion(%q), kind=kLoop, calls=%fused.2
}
%yes.1 (a: f32[3]) -> (f32[3]) {
  %loop_select_fusion.1 = f32[3]{0} fusion(%a), kind=kLoop, calls=%fused.3
}
%no.1 (b: f32[3]) -> (f32[3]) {
  %copy.7 = f32[3]{0} copy(%b)
}
ENTRY %main.1 (p: f32[3]) -> (f32[3]) {
  %w.1 = (s32[], f32[3]{0}) while(%t), condition=%c.2, body=%body.1
}
"""


def test_kernels_are_counted_through_loops_and_branches():
    kernels = gpu_programs.step_kernels(PROGRAM)
    assert kernels == [
        "gemm_fusion_dot.1",
        "loop_select_fusion.1",
        "copy.7",
        "loop_add_fusion.1",
    ]


@pytest.mark.slow
def test_a_step_of_the_classic_gan_launches_few_kernels():
    if importlib.util.find_spec("jax_cuda13_plugin") is None:
        pytest.skip("the CUDA packages of JAX are not installed")
    # In a process of its own, since JAX reads the settings when it first looks for devices.
    command = [sys.executable, "-m", "tests.gpu_programs", "--only", "mnist"]
    flags = {key: value for key, value in os.environ.items() if key != "XLA_FLAGS"}
    table = subprocess.run(command, env=flags, check=True, capture_output=True, text=True).stdout
    kernels = re.search(r"\| `mnist` \| (\d+) \|", table)
    assert kernels
    # With a sum for each array there were 170.
    assert int(kernels[1]) < 110
