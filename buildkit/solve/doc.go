// Package solve drives a builder: it asks what the base image is, lets uv
// resolve what is not locked, builds the graph, proves the result and exports
// it. All of it happens in one client.Build call, whose callback returns the
// runtime state alone: an image that fails its proof is never exported, and a
// proven one has the same bits as one that nobody looked at.
package solve
