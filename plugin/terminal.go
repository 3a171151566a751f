package plugin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/docker/cli/cli/command"
)

// width is what reports for people fit into, on a terminal of any size and in a file.
const width = 80

// paint colours words; the zero value leaves them as they are.
type paint struct{ on bool }

// paintFor colours what goes to standard output of a terminal, unless NO_COLOR is set.
func paintFor(cli command.Cli) paint {
	return paint{cli.Out().IsTerminal() && os.Getenv("NO_COLOR") == ""}
}

func (p paint) in(code, text string) string {
	if !p.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p paint) red(text string) string    { return p.in("31", text) }
func (p paint) yellow(text string) string { return p.in("33", text) }
func (p paint) green(text string) string  { return p.in("32", text) }
func (p paint) bold(text string) string   { return p.in("1", text) }
func (p paint) faint(text string) string  { return p.in("2", text) }

// harmless takes from a text that came from a machine what a terminal would act on:
// control characters other than line ends, and marks that turn the direction of writing.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "?"))
}

// clean makes one harmless line of a text that came from a machine, cut to a length.
func clean(text string, most int) string {
	text = strings.Join(strings.Fields(harmless(text)), " ")
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most-1]) + "…"
	}
	return text
}

// paragraph writes a text with a first line's beginning, wrapped so that all fits into
// the width and what follows stands below the beginning's end. A word that is too long
// for a line is left whole.
func paragraph(w io.Writer, begin, text string) {
	indent := utf8.RuneCountInString(begin)
	line, at := begin, indent
	empty := true
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if !empty && at+1+n > width {
			fmt.Fprintln(w, strings.TrimRight(line, " "))
			line, at, empty = strings.Repeat(" ", indent), indent, true
		}
		if !empty {
			line, at = line+" ", at+1
		}
		line, at, empty = line+word, at+n, false
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}

// shellLine is a command as a shell takes it, on one line.
func shellLine(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = shellWord(a)
	}
	return strings.Join(words, " ")
}

func shellWord(word string) string {
	word = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) {
			return '?' // what is copied from a terminal has to be what was seen there
		}
		return r
	}, strings.ToValidUTF8(word, "?"))
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=,@%+", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// confirm asks a question on standard error. yes answers it; without a terminal and
// without yes it refuses and names the flag.
func confirm(ctx context.Context, cli command.Cli, yes bool, question string) (bool, error) {
	if yes {
		return true, nil
	}
	if !cli.In().IsTerminal() {
		return false, fmt.Errorf("%s\nThere is no terminal to ask on: say -y (--yes) to go on, or --dry-run to see only", question)
	}
	fmt.Fprintf(cli.Err(), "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(cli.In()).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case a := <-answer:
		return a == "y" || a == "yes", nil
	case <-ctx.Done():
		fmt.Fprintln(cli.Err())
		return false, ctx.Err()
	}
}
