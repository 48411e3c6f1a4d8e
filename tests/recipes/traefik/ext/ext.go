// Package ext stands for the extension points of Traefik's dynamic configuration, which the open
// source module does not carry. They are empty there too.
package ext

// HTTP extends the HTTP configuration by nothing.
type HTTP struct{}

// Router extends a router by nothing.
type Router struct{}
