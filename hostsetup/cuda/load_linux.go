//go:build linux && (amd64 || arm64)

package cuda

import (
	"os"

	"github.com/ebitengine/purego"
)

// libraries are the names given to dlopen, in turn. WSL keeps its driver in a folder that
// only a container's or a distribution's own ld.so.conf names.
var libraries = []string{"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"}

// Open loads the driver's library and looks up all that is used of it; nothing is called.
// Its errors are *LoadError and *SymbolError.
func Open() (*Driver, error) {
	var failed LoadError
	for i, name := range libraries {
		if i > 0 {
			if _, err := os.Stat(name); err != nil {
				continue
			}
		}
		handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
		if err != nil {
			failed.Tried = append(failed.Tried, name)
			if failed.Text == "" {
				failed.Text = err.Error()
			}
			continue
		}
		d := &Driver{api: &api{}}
		lookup := func(name string) (uintptr, error) { return purego.Dlsym(handle, name) }
		if err := d.api.bind(name, lookup, purego.RegisterFunc); err != nil {
			return nil, err
		}
		return d, nil
	}
	return nil, &failed
}
