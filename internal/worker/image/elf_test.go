package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// tinyELF is a file that says what its loader and its libraries are, and nothing else.
func tinyELF(machine elf.Machine, loader string, needed ...string) []byte {
	const header, program, section = 64, 56, 64
	names := []byte{0}
	var dynamic []elf.Dyn64
	for _, n := range needed {
		dynamic = append(dynamic, elf.Dyn64{Tag: int64(elf.DT_NEEDED), Val: uint64(len(names))})
		names = append(append(names, n...), 0)
	}
	dynamic = append(dynamic, elf.Dyn64{})
	sections := []byte("\x00.dynstr\x00.dynamic\x00.shstrtab\x00")
	interp := append([]byte(loader), 0)
	at := uint64(header + program)
	place := func(n int) uint64 { p := at; at += uint64(n); return p }
	iAt, nAt, sAt := place(len(interp)), place(len(names)), place(len(sections))
	dAt := place(16 * len(dynamic))
	head := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Phoff: header, Shoff: at,
		Ehsize: header, Phentsize: program, Phnum: 1, Shentsize: section, Shnum: 4, Shstrndx: 3}
	copy(head.Ident[:], "\x7fELF\x02\x01\x01")
	kind := elf.PT_INTERP
	if loader == "" {
		kind = elf.PT_NOTE
	}
	var b bytes.Buffer
	for _, v := range []any{
		head, elf.Prog64{Type: uint32(kind), Off: iAt, Filesz: uint64(len(interp))}, interp, names, sections, dynamic,
		elf.Section64{},
		elf.Section64{Name: 1, Type: uint32(elf.SHT_STRTAB), Off: nAt, Size: uint64(len(names))},
		elf.Section64{Name: 9, Type: uint32(elf.SHT_DYNAMIC), Off: dAt, Size: uint64(16 * len(dynamic)), Link: 1, Entsize: 16},
		elf.Section64{Name: 18, Type: uint32(elf.SHT_STRTAB), Off: sAt, Size: uint64(len(sections))},
	} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}
