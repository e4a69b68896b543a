package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports tried lie below those from which the kernel takes source ports for outgoing
// connections, so that no connection can sit on a port while an API server restarts on it.
const (
	firstPort = 15000
	lastPort  = 31999
)

// bindAttempts is how often a port is chosen anew when another process was quicker.
const bindAttempts = 8

// freePort returns a loopback port that nobody listens on now. Another process may still take it
// first: whoever binds it has to be ready to ask again.
func freePort() (int, error) {
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		listener.Close()
		return port, nil
	}
	return 0, fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}

// portTaken tells from a message or a log whether a server failed because its port was taken.
func portTaken(text []byte) bool {
	return bytes.Contains(text, []byte("address already in use"))
}
