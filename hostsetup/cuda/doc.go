// Package cuda is as much of CUDA's driver API as a proof of a GPU takes: libcuda.so.1
// is opened when the program runs, kernels are PTX that the driver compiles for the card
// that it finds, and results are checked against the same computation in Go. It needs
// neither cgo nor a CUDA toolkit. Only cmd/gpu-worker imports it.
//
// CUDA keeps the current context for each thread of the operating system, so whatever
// uses a Context runs on one thread: see Thread.
package cuda
