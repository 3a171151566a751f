// Package graph turns a decision and a lock into LLB, an image config and a
// Dockerfile. It is pure: nothing here asks a builder, an index or a disk.
//
// The shape of an image, bottom up:
//
//	base             by digest, with --apt packages on top
//	account          one unprivileged user
//	environment      an empty virtual environment, /opt/venv
//	heavy wheels     one layer each, keyed by the wheel's hash
//	light wheels     one layer together
//	project          the user's files
//
// The layers are made side by side, each in a step of its own that can see
// nothing of the others, and merged. So the layer of a wheel is the same bits in
// every image that holds the wheel, and a changed requirement re-does one layer.
package graph
