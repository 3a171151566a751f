// Package resolve decides which PyTorch, CUDA, Python and base an image has,
// from what the user wishes, the machine's driver and GPUs, and the tables of
// internal/policy. It is pure but for an Index that it may ask whether a release
// exists; every decision carries its reason.
package resolve
