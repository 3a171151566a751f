// Package tree reads and replaces files of a machine, or of a folder that stands for one,
// so that a file is at any moment the old one or the new one, whole, with the owner, mode
// and extended attributes that it had.
//
// Links are followed within the tree. A link in a folder that everyone may write is
// refused: anybody could have put it there for a setup that runs as root.
package tree
