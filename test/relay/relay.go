// Package relay makes an engine's socket reachable by TCP, which is all that another
// machine would see of it: what is behind it is not this machine, as far as anyone can tell.
package relay

import (
	"io"
	"net"
	"testing"
)

// Listen hands connections on to a socket until the test ends, each direction to its own
// end, and returns the address for a Docker context.
func Listen(t testing.TB, socket string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go join(from.(*net.TCPConn), socket)
		}
	}()
	return "tcp://" + l.Addr().String()
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
