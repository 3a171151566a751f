// Package daemonjson edits Docker's daemon.json, and knows what dockerd makes of it.
//
// It is pure: text in, text out. An edit changes the members that it names, in the file's
// own manner; every other byte stays, and a file that has what is wished is not changed at
// all. A text that dockerd would not read, or in which a change would have to guess what
// was meant, is refused with line and column and left alone.
package daemonjson
