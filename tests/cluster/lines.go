package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"
)

// batch is a run of lines and, once done, their answers.
type batch struct {
	lines   []byte
	answers chan []byte
}

// answerLines reads lines, has several workers answer them and writes the answers in the order of
// the lines. An answer appends its own newline. What has been read is answered without waiting for
// more, so that a caller may also put one question at a time. A worker takes about batchBytes of
// lines at a time: many where an answer is quick, 1 for a single line where it is worth waiting for.
func answerLines(from io.Reader, to io.Writer, workers, batchBytes int, answer func(line, to []byte) []byte) error {
	work := make(chan batch, workers)
	ordered := make(chan batch, 4*workers)
	var running sync.WaitGroup
	for range max(workers, 1) {
		running.Go(func() {
			for taken := range work {
				out := make([]byte, 0, 2*len(taken.lines))
				for line := range bytes.Lines(taken.lines) {
					if line = bytes.TrimSpace(line); len(line) > 0 {
						out = answer(line, out)
					}
				}
				taken.answers <- out
			}
		})
	}
	written := make(chan error, 1)
	go func() {
		var failed error
		for next := range ordered {
			answers := <-next.answers
			if failed == nil {
				_, failed = to.Write(answers)
			}
		}
		written <- failed
	}()

	err := readBatches(from, batchBytes, func(lines []byte) {
		next := batch{lines: lines, answers: make(chan []byte, 1)}
		ordered <- next
		work <- next
	})
	close(work)
	close(ordered)
	running.Wait()
	return errors.Join(err, <-written)
}

// readBatches passes on whole lines: as many as there are without waiting, up to a batch.
func readBatches(from io.Reader, batchBytes int, pass func(lines []byte)) error {
	reader := bufio.NewReaderSize(from, 256<<10)
	var lines []byte
	for {
		line, err := reader.ReadSlice('\n')
		lines = append(lines, line...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		ahead, _ := reader.Peek(reader.Buffered())
		waits := bytes.IndexByte(ahead, '\n') < 0
		if len(lines) > 0 && (err != nil || waits || len(lines) >= batchBytes) {
			pass(lines)
			lines = nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
