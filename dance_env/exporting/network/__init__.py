"""A design's network, for frameworks: without its accelerator.

- `torch_source`: Python source of a `torch.nn.Module` that needs nothing of ours; `torch_statements`: its statements node
  by node; `torch_helpers`: the functions of attention.
- `onnx_model`: an ONNX model, which `onnx_writer` puts together; `onnx_tokens`: the nodes of language models.
- `export`: the files of both, for each workload that has a graph.
"""
