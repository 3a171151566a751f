// Package plugin is the command line: the only package that knows cobra,
// streams and formats. One file per command: an options struct, its run
// function, its constructor. No domain logic lives here.
package plugin
