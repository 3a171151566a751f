package cuda

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error is a call of the driver API that failed.
type Error struct {
	Call string // "cuCtxSetCurrent"
	Code int    // CUresult
	Name string // "CUDA_ERROR_INVALID_CONTEXT"; empty where the driver knows no name
	Text string // the driver's description
	// Log is what the driver's compiler said, of cuModuleLoadDataEx only.
	Log string
}

func (e *Error) Error() string {
	name := e.Name
	if name == "" {
		name = "unknown CUDA error"
	}
	text := fmt.Sprintf("%s: %s (%d)", e.Call, name, e.Code)
	if e.Text != "" {
		text += ": " + e.Text
	}
	if e.Log != "" {
		text += "; the compiler says: " + e.Log
	}
	return text
}

// LoadError is a driver library that cannot be opened.
type LoadError struct {
	Tried []string // the names given to dlopen
	Text  string   // the loader's own words about the first
}

func (e *LoadError) Error() string {
	return fmt.Sprintf("%s cannot be loaded, so this place was given no NVIDIA driver: %s", strings.Join(e.Tried, " and "), e.Text)
}

// SymbolError is a function that the driver library does not have.
type SymbolError struct {
	Library string
	Symbol  string
}

func (e *SymbolError) Error() string {
	return fmt.Sprintf("%s has no function %s: the library is damaged, or its driver is older than this program knows", e.Library, e.Symbol)
}

// HungError is a stage that did not end in time. What it waits for is still running.
type HungError struct {
	Stage string
	After time.Duration
}

func (e *HungError) Error() string {
	return fmt.Sprintf("%s did not end within %v and was given up", e.Stage, e.After)
}

// WrongError is a result that is not what it must be.
type WrongError struct {
	What     string
	Expected string
	Found    string
}

func (e *WrongError) Error() string {
	return fmt.Sprintf("%s: expected %s, found %s", e.What, e.Expected, e.Found)
}

// code of a CUresult in an error, 0 if it is none.
func code(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
