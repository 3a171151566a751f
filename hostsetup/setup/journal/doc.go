// Package journal keeps on the disk what a setup is about to do and what was there before,
// each record synced before anything is done on the strength of it, so that a setup that was
// killed, or lost its power, can be gone on with or taken back.
//
// A run is a folder: "log" has a record a line, each behind its checksum; "kept" has the
// contents of files by their SHA-256; "commands" is the log of programs, for people. What
// the records say is the business of package apply.
package journal
