package image

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// libraryDirs are where a dynamic loader looks without being told, on the distributions
// that NVIDIA supports: Debian's folders by architecture, and those of all others.
func libraryDirs(machine elf.Machine) []string {
	switch machine {
	case elf.EM_X86_64:
		return []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"}
	case elf.EM_AARCH64:
		return []string{"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"}
	}
	return nil
}

// LibraryError is a host whose C library cannot be taken into an image.
type LibraryError struct {
	Name string // "libm.so.6", or the loader's path
	Root string
	Err  error
}

func (e *LibraryError) Error() string {
	return fmt.Sprintf("%s is not found below %s (%v), so no image can be made of this host's C library; name one that has a GNU C library with --image, such as debian", e.Name, e.Root, e.Err)
}

func (e *LibraryError) Unwrap() error { return e.Err }

// libraries are the files that a program needs to run, by the path they have in an image:
// its loader, what it and the extra ones are linked with, and what those are. Nothing is
// asked of ld.so.cache: it may name files of another root. Links to folders are noted in r.
func libraries(r *rooted, program []byte, extra []string) (map[string][]byte, error) {
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return nil, fmt.Errorf("the worker is no program for Linux: %w", err)
	}
	loader := interpreter(f)
	if loader == "" {
		return nil, errors.New("the worker names no loader: it was linked statically and cannot open libcuda")
	}
	files := map[string][]byte{}
	if err := r.take(files, loader, f.Machine); err != nil {
		return nil, &LibraryError{Name: loader, Root: r.root, Err: err}
	}
	needed, err := f.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("the worker's libraries cannot be read: %w", err)
	}
	seen := map[string]bool{path.Base(loader): true}
	for todo := append(needed, extra...); len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		data, err := r.library(files, name, f.Machine)
		if err != nil {
			return nil, &LibraryError{Name: name, Root: r.root, Err: err}
		}
		l, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			return nil, &LibraryError{Name: name, Root: r.root, Err: err}
		}
		more, err := l.ImportedLibraries()
		if err != nil {
			return nil, &LibraryError{Name: name, Root: r.root, Err: err}
		}
		todo = append(todo, more...)
	}
	return files, nil
}

// interpreter is the loader that a program names, "" for none.
func interpreter(f *elf.File) string {
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			text := make([]byte, p.Filesz)
			if _, err := p.ReadAt(text, 0); err == nil {
				return strings.TrimRight(string(text), "\x00")
			}
		}
	}
	return ""
}

// library finds a library in the loader's folders, as the loader does: one for another
// processor is passed over.
func (r *rooted) library(files map[string][]byte, name string, machine elf.Machine) ([]byte, error) {
	if strings.Contains(name, "/") {
		return nil, errors.New("a library named by its path")
	}
	last := error(fs.ErrNotExist)
	for _, dir := range libraryDirs(machine) {
		at := path.Join(dir, name)
		err := r.take(files, at, machine)
		if err == nil {
			place, _ := r.place(at)
			return files[place], nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			last = err
		}
	}
	return nil, last
}

// place is where a file goes in the image: its folder without links, which are noted, and
// its name as asked for.
func (r *rooted) place(name string) (string, error) {
	dir, err := r.real(path.Dir(name), true)
	return path.Join(dir, path.Base(name)), err
}

// take reads a file for a processor and puts it to the others.
func (r *rooted) take(files map[string][]byte, name string, machine elf.Machine) error {
	// A folder that is looked into in vain leaves no link behind.
	trial := &rooted{root: r.root, links: map[string]string{}}
	data, err := trial.read(name)
	if err != nil {
		return err
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: %w", trial.host(name), err)
	}
	if f.Machine != machine || f.Class != elf.ELFCLASS64 {
		return fmt.Errorf("%s is for another processor, %v", trial.host(name), f.Machine)
	}
	at, err := r.place(name)
	if err != nil {
		return err
	}
	files[at] = data
	return nil
}
