// Package setup brings a machine from bare metal to working GPU containers, as a
// transaction.
//
// This package is pure: facts and wishes in, a plan of typed steps out, each with why,
// what it disturbs and what takes it back. Package apply carries plans out with a journal
// that rollback reads; hostsetup/daemonjson edits daemon.json without changing any other byte.
//
// What a step may do is the closed list of Op: no step is a command line, so that what
// runs as root is known beforehand.
package setup
