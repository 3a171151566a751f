// Package relay makes an engine's socket reachable by TCP, which is all that another
// machine would see of it: what is behind it is not this machine, as far as anyone can tell.
package relay

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Listen hands connections on to a socket until the test ends, each direction to its own
// end, and returns the address for a Docker context.
func Listen(t testing.TB, socket string) string {
	t.Helper()
	return New(t, socket).Address
}

// Relay is one that can be cut.
type Relay struct {
	Address  string // for a Docker context
	listener net.Listener
	mu       sync.Mutex
	joined   []net.Conn
}

// New hands connections on to a socket, as Listen does.
func New(t testing.TB, socket string) *Relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{Address: "tcp://" + l.Addr().String(), listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.joined = append(r.joined, from)
			r.mu.Unlock()
			go join(from.(*net.TCPConn), socket)
		}
	}()
	return r
}

// Cut breaks all connections. New ones are taken still.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.joined {
		_ = c.Close()
	}
	r.joined = nil
}

// Close breaks all connections and takes no new ones: the machine is gone.
func (r *Relay) Close() {
	_ = r.listener.Close()
	r.Cut()
}

func join(from *net.TCPConn, socket string) {
	defer from.Close()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	to := conn.(*net.UnixConn)
	defer to.Close()
	ended := make(chan bool)
	go func() {
		_, _ = io.Copy(to, from)
		_ = to.CloseWrite()
		ended <- true
	}()
	_, _ = io.Copy(from, to)
	_ = from.CloseWrite()
	<-ended
}
