package hosttest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// ServeQuestions asks from ns what [AskFor] wants to know, at a port of ns. It is for
// tests of an ordinary user, who cannot enter ns.
func ServeQuestions(t testing.TB, ns *os.File, address string) {
	t.Helper()
	var l net.Listener
	err := In(t, ns, func() (err error) {
		l, err = new(net.ListenConfig).Listen(context.Background(), "tcp", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				question, _ := bufio.NewReader(c).ReadString('\n')
				network, to, _ := strings.Cut(strings.TrimSpace(question), " ")
				answer, err := Ask(t, ns, network, to)
				if err != nil {
					_, _ = fmt.Fprintf(c, "error %v\n", err)
					return
				}
				_, _ = fmt.Fprintf(c, "answer %s\n", answer)
			}()
		}
	}()
}

// AskFor lets who serves questions at server ask at address, and returns the answer.
func AskFor(t testing.TB, server, network, address string) (string, error) {
	t.Helper()
	c, err := net.DialTimeout("tcp", server, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "%s %s\n", network, address); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	if kind != "answer" {
		return "", errors.New(text)
	}
	return text, nil
}
