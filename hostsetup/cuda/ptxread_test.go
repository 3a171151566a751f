package cuda

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// This file reads PTX as strictly as the driver's compiler does, as far as the kernels
// here go: every instruction is one that is known, with operands of the right kind, of
// declared registers, and allowed by the file's .version and .target.

type ptxProgram struct {
	version, target int // 43 for 4.3, 50 for sm_50
	entry           string
	params          []ptxParam
	registers       map[string]int // name → place
	classes         []string       // of each register: "pred", "b32", "f32", "b64"
	shared          map[string]uint64
	sharedSize      uint64
	code            []ptxInstruction
}

type ptxParam struct {
	name   string
	offset int
	size   int
}

type ptxInstruction struct {
	line     int
	text     string
	op       string
	guard    int // register, -1 for none
	operands []ptxOperand
	run      func(*ptxThread, []ptxOperand) error
	control  string // "bra", "bar", "mma", "ret"
	to       int    // of bra
}

// ptxOperand is a register, a number, a special register, a place in memory or a group.
type ptxOperand struct {
	kind     string // "register", "number", "special", "memory", "param", "symbol", "label", "group"
	register int
	number   uint64
	name     string
	group    []int
}

var (
	ptxReg     = regexp.MustCompile(`^\.reg \.(pred|b32|f32|b64) %([a-z]+)<(\d+)>$`)
	ptxShared  = regexp.MustCompile(`^\.shared \.align (\d+) \.b8 ([a-z_]+)\[(\d+)\]$`)
	ptxParamRE = regexp.MustCompile(`^\.param \.u(32|64) ([a-z0-9_]+)$`)
	ptxLabel   = regexp.MustCompile(`^([A-Z]+):$`)
	ptxGuard   = regexp.MustCompile(`^@(%p\d+) `)
	ptxAddress = regexp.MustCompile(`^\[(%?[a-z0-9_]+)(?:\+(\d+))?\]$`)
	ptxNumber  = regexp.MustCompile(`^(\d+|0x[0-9A-F]+U)$`)
)

var ptxSpecials = []string{"%tid.x", "%tid.y", "%ntid.x", "%ctaid.x", "%ctaid.y", "%nctaid.x", "%laneid"}

// readPTXModule reads a text with several kernels, by name.
func readPTXModule(text string) (map[string]*ptxProgram, error) {
	const entry = ".visible .entry "
	parts := strings.Split(text, entry)
	all := map[string]*ptxProgram{}
	for _, part := range parts[1:] {
		p, err := readPTX(parts[0] + entry + part)
		if err != nil {
			return nil, err
		}
		if all[p.entry] != nil {
			return nil, fmt.Errorf("%s is there twice", p.entry)
		}
		all[p.entry] = p
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no kernel")
	}
	return all, nil
}

func readPTX(text string) (*ptxProgram, error) {
	p := &ptxProgram{registers: map[string]int{}, shared: map[string]uint64{}}
	labels := map[string]int{}
	state := "head"
	for i, raw := range strings.Split(text, "\n") {
		line, _, _ := strings.Cut(raw, "//")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := p.read(&state, line, i+1, labels); err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", i+1, line, err)
		}
	}
	if state != "end" || p.version == 0 || p.target == 0 {
		return nil, fmt.Errorf("the file ends in its %s", state)
	}
	if len(p.code) == 0 || p.code[len(p.code)-1].control != "ret" {
		return nil, fmt.Errorf("the kernel does not end with ret")
	}
	for i := range p.code {
		if in := &p.code[i]; in.control == "bra" {
			to, there := labels[in.operands[0].name]
			if !there {
				return nil, fmt.Errorf("line %d: no label %s", in.line, in.operands[0].name)
			}
			in.to = to
		}
	}
	return p, nil
}

func (p *ptxProgram) read(state *string, line string, number int, labels map[string]int) error {
	switch *state {
	case "head":
		switch {
		case strings.HasPrefix(line, ".version "):
			major, minor, _ := strings.Cut(line[9:], ".")
			a, err := strconv.Atoi(major)
			b, err2 := strconv.Atoi(minor)
			if p.version = 10*a + b; err != nil || err2 != nil {
				return fmt.Errorf("no version")
			}
		case strings.HasPrefix(line, ".target sm_"):
			if p.version == 0 {
				return fmt.Errorf(".version comes first")
			}
			var err error
			p.target, err = strconv.Atoi(line[11:])
			return err
		case line == ".address_size 64":
			if p.target == 0 {
				return fmt.Errorf(".target comes first")
			}
		case strings.HasPrefix(line, ".visible .entry ") && strings.HasSuffix(line, "("):
			p.entry = strings.TrimSuffix(line[16:], "(")
			*state = "params"
		default:
			return fmt.Errorf("not known before the entry")
		}
		return nil
	case "params":
		if line == ")" {
			*state = "open"
			return nil
		}
		m := ptxParamRE.FindStringSubmatch(strings.TrimSuffix(line, ","))
		if m == nil {
			return fmt.Errorf("no parameter")
		}
		bits, _ := strconv.Atoi(m[1])
		offset := 8 * len(p.params)
		p.params = append(p.params, ptxParam{m[2], offset, bits / 8})
		return nil
	case "open":
		if line != "{" {
			return fmt.Errorf("{ must follow")
		}
		*state = "body"
		return nil
	case "end":
		return fmt.Errorf("something after the end")
	}
	if line == "}" {
		*state = "end"
		return nil
	}
	if m := ptxLabel.FindStringSubmatch(line); m != nil {
		if _, twice := labels[m[1]]; twice {
			return fmt.Errorf("the label is there twice")
		}
		labels[m[1]] = len(p.code)
		return nil
	}
	statement, ok := strings.CutSuffix(line, ";")
	if !ok || strings.Contains(statement, ";") {
		return fmt.Errorf("one statement a line, with ; at its end")
	}
	if m := ptxReg.FindStringSubmatch(statement); m != nil {
		count, _ := strconv.Atoi(m[3])
		for i := range count {
			name := fmt.Sprintf("%%%s%d", m[2], i)
			if _, twice := p.registers[name]; twice {
				return fmt.Errorf("%s is there twice", name)
			}
			p.registers[name] = len(p.classes)
			p.classes = append(p.classes, m[1])
		}
		return nil
	}
	if m := ptxShared.FindStringSubmatch(statement); m != nil {
		size, _ := strconv.Atoi(m[3])
		p.shared[m[2]] = p.sharedSize
		p.sharedSize += uint64(size)
		return nil
	}
	return p.instruction(statement, number)
}

func (p *ptxProgram) instruction(statement string, number int) error {
	in := ptxInstruction{line: number, text: statement, guard: -1}
	if m := ptxGuard.FindStringSubmatch(statement); m != nil {
		place, there := p.registers[m[1]]
		if !there {
			return fmt.Errorf("no register %s", m[1])
		}
		in.guard, statement = place, statement[len(m[0]):]
	}
	op, rest, _ := strings.Cut(statement, " ")
	spec, known := ptxOps[op]
	if !known {
		return fmt.Errorf("no instruction %s", op)
	}
	if p.version < spec.version || p.target < spec.target {
		return fmt.Errorf("%s takes PTX %d and sm_%d", op, spec.version, spec.target)
	}
	in.op, in.run, in.control = op, spec.run, spec.control
	texts := ptxSplit(rest)
	kinds := strings.Fields(spec.operands)
	if len(texts) != len(kinds) {
		return fmt.Errorf("%s has %d operands, not %d", op, len(kinds), len(texts))
	}
	for i, text := range texts {
		operand, err := p.operand(text, kinds[i])
		if err != nil {
			return fmt.Errorf("operand %d: %w", i+1, err)
		}
		in.operands = append(in.operands, operand)
	}
	p.code = append(p.code, in)
	return nil
}

// ptxSplit splits at commas outside of braces.
func ptxSplit(text string) (parts []string) {
	depth, start := 0, 0
	for i, c := range text {
		switch {
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	if last := strings.TrimSpace(text[start:]); last != "" {
		parts = append(parts, last)
	}
	return parts
}

// operand reads one operand. Its kind says what it must be: "b64" is a register or, other
// than for a result ("b64!"), a number; "[b64]" is memory at a register; "b32*4" a group.
func (p *ptxProgram) operand(text, kind string) (ptxOperand, error) {
	class, result := strings.CutSuffix(kind, "!")
	if group, count, ok := strings.Cut(class, "*"); ok {
		inner, braces := strings.CutPrefix(strings.TrimSuffix(text, "}"), "{")
		names := strings.Split(inner, ", ")
		if !braces || strconv.Itoa(len(names)) != count {
			return ptxOperand{}, fmt.Errorf("%s is no group of %s", text, count)
		}
		o := ptxOperand{kind: "group"}
		for _, name := range names {
			r, err := p.operand(name, group+"!")
			if err != nil {
				return o, err
			}
			o.group = append(o.group, r.register)
		}
		return o, nil
	}
	switch class {
	case "[b64]", "[b32]", "[param]":
		m := ptxAddress.FindStringSubmatch(text)
		if m == nil {
			return ptxOperand{}, fmt.Errorf("%s is no address", text)
		}
		if class == "[param]" {
			i := slices.IndexFunc(p.params, func(q ptxParam) bool { return q.name == m[1] })
			if i < 0 {
				return ptxOperand{}, fmt.Errorf("no parameter %s", m[1])
			}
			return ptxOperand{kind: "param", number: uint64(i)}, nil
		}
		o, err := p.operand(m[1], class[1:4]+"!")
		o.kind = "memory"
		if m[2] != "" {
			o.number, _ = strconv.ParseUint(m[2], 10, 64)
		}
		return o, err
	case "label":
		return ptxOperand{kind: "label", name: text}, nil
	case "0":
		if text != "0" {
			return ptxOperand{}, fmt.Errorf("%s is not 0", text)
		}
		return ptxOperand{kind: "number"}, nil
	}
	if place, there := p.registers[text]; there {
		has := p.classes[place]
		// Untyped registers take floats too, and the other way round they do not.
		if has != class && !(class == "f32" && has == "b32") {
			return ptxOperand{}, fmt.Errorf("%s is .%s, not .%s", text, has, class)
		}
		return ptxOperand{kind: "register", register: place}, nil
	}
	if result {
		return ptxOperand{}, fmt.Errorf("no register %s", text)
	}
	if offset, there := p.shared[text]; there && class == "b32" {
		return ptxOperand{kind: "number", number: offset}, nil
	}
	if slices.Contains(ptxSpecials, text) && class == "b32" {
		return ptxOperand{kind: "special", name: text}, nil
	}
	if bits, float := strings.CutPrefix(text, "0f"); float && class == "f32" && len(bits) == 8 {
		v, err := strconv.ParseUint(bits, 16, 32)
		return ptxOperand{kind: "number", number: v}, err
	}
	if ptxNumber.MatchString(text) && class != "f32" {
		v, err := strconv.ParseUint(strings.TrimSuffix(text, "U"), 0, map[string]int{"b32": 32, "b64": 64}[class])
		return ptxOperand{kind: "number", number: v}, err
	}
	return ptxOperand{}, fmt.Errorf("%s is not known", text)
}
