//go:build !linux || !(amd64 || arm64)

package cuda

import "runtime"

// Open says that there is no CUDA driver to load here.
func Open() (*Driver, error) {
	return nil, &LoadError{Tried: []string{"libcuda.so.1"}, Text: "this program knows CUDA on Linux only, not on " + runtime.GOOS + "/" + runtime.GOARCH}
}
