package verify

import "fmt"

// Mode is how much of a proof a build asks for.
type Mode string

// The modes of --verify.
const (
	Auto    Mode = "auto"    // on GPUs where there are any, and says what was not proven
	Require Mode = "require" // on GPUs, or the build fails
	CPU     Mode = "cpu"     // without GPUs
	Off     Mode = "off"
)

// ParseMode reads a flag.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Auto, Require, CPU, Off:
		return m, nil
	}
	return "", fmt.Errorf("--verify %q is not one of auto, require, cpu, off", s)
}
