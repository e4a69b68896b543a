package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
)

// lifelineVariable names the descriptor of the pipe by which a child learns that its supervisor has
// died. Nobody ever writes to that pipe; only the supervisor holds its other end, so that its end
// of file means that the supervisor is gone, however it went.
const lifelineVariable = "KEYBOOK_CLUSTER_LIFELINE"

// dieWithSupervisor ends this process when the supervisor's end of the lifeline closes. Without a
// lifeline (a child command started by hand) it does nothing.
func dieWithSupervisor() {
	descriptor, err := strconv.Atoi(os.Getenv(lifelineVariable))
	if err != nil {
		return
	}
	os.Unsetenv(lifelineVariable)
	syscall.CloseOnExec(descriptor)
	lifeline := os.NewFile(uintptr(descriptor), "lifeline")
	go func() {
		_, _ = io.Copy(io.Discard, lifeline)
		os.Exit(1)
	}()
}

// nursery starts children that cannot outlive this process.
type nursery struct {
	executable string
	logs       string
	read       *os.File
	write      *os.File // Held open for as long as this process lives.
}

func newNursery(logs string) (*nursery, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &nursery{executable: executable, logs: logs, read: read, write: write}, nil
}

// child is one running part of the control plane.
type child struct {
	name     string
	log      string
	logStart int64 // Where this child's part of the log begins.
	command  *exec.Cmd
	done     chan struct{}
	stopping atomic.Bool
}

// start runs this program again as one of its children. What it logs is appended to a file; stdout
// goes to the given writer.
func (n *nursery) start(name string, args []string, stdout io.Writer) (*child, error) {
	path := filepath.Join(n.logs, name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	logStart, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	command := exec.Command(n.executable, append([]string{name}, args...)...)
	command.Stdout = stdout
	if stdout == nil {
		command.Stdout = log
	}
	command.Stderr = log
	command.ExtraFiles = []*os.File{n.read}
	command.Env = append(os.Environ(), lifelineVariable+"=3")
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	started := &child{name: name, log: path, logStart: logStart, command: command, done: make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(started.done)
	}()
	return started, nil
}

func (c *child) pid() int { return c.command.Process.Pid }

// kill ends the child at once and waits for it. All state is a test's, so nothing is lost by it.
func (c *child) kill() {
	c.stopping.Store(true)
	_ = c.command.Process.Kill()
	<-c.done
}

// exited describes a child that stopped by itself, with the end of what it logged.
func (c *child) exited() error {
	return fmt.Errorf("%s stopped: %s\n%s", c.name, c.command.ProcessState, c.logTail())
}

// logTail returns the last of what the child logged.
func (c *child) logTail() []byte {
	const size = 2000
	file, err := os.Open(c.log)
	if err != nil {
		return nil
	}
	defer file.Close()
	content, _ := io.ReadAll(io.NewSectionReader(file, c.logStart, 1<<30))
	if len(content) > size {
		content = content[len(content)-size:]
	}
	return bytes.TrimSpace(content)
}
