// Package buildkit turns a wish ("PyTorch, this project, these GPUs") into a
// verified image. The data flows one way through its sub-packages:
//
//	spec    what the user asked for: flags and gpu.yaml
//	resolve spec + machine + policy → Plan, the reasoned decision (pure)
//	lock    every wheel with hash and size, the base by digest: gpu.lock (pure)
//	graph   plan + lock → LLB, image config, Dockerfile (pure)
//	verify  the program that proves an image, and the judge of its result
//	solve   drives a builder through one client.Build callback
package buildkit
