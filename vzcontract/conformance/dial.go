package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"vz.internal/vzcontract"
)

var dialChecks = []check{
	{name: "dial", feature: vzcontract.FeatureDial, run: dial},
	{name: "dial-close", feature: vzcontract.FeatureDial, run: dialClose},
	{name: "dial-many", feature: vzcontract.FeatureDial, run: dialMany},
	{name: "dial-refused", feature: vzcontract.FeatureDial, run: dialRefused},
	{name: "dial-ended", feature: vzcontract.FeatureDial, run: dialEnded},
}

func (e *env) dialer() vzcontract.Dialer { return e.b.(vzcontract.Dialer) }

// reach connects to a port as soon as a program listens on it.
func (e *env) reach(ctx context.Context, id string, port uint16) net.Conn {
	e.Helper()
	for {
		conn, err := e.dialer().DialPort(ctx, id, port)
		if err == nil {
			return conn
		}
		if !errors.Is(err, vzcontract.ErrRefused) {
			e.Fatalf("dial port %d: %v", port, err)
		}
		select {
		case <-time.After(5 * time.Millisecond): // nobody tells when a program listens
		case <-e.ctx.Done():
			e.Fatalf("nothing listens on port %d", port)
		}
	}
}

// converse sends text, ends what it sends and returns all that comes back.
func converse(conn net.Conn, text string) (string, error) {
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return "", errors.New("the connection has no CloseWrite")
	}
	if err := half.CloseWrite(); err != nil {
		return "", err
	}
	got, err := io.ReadAll(conn)
	return string(got), err
}

// dial: a program without any network is reached, both ways, and each way ends alone.
func dial(e *env) {
	info := e.running()
	e.listen(info.ID, "echo inside > /tmp/say; nc -l -p 7001 < /tmp/say > /tmp/got; echo ended > /tmp/end")
	ctx, cancel := context.WithCancel(e.ctx)
	conn := e.reach(ctx, info.ID, 7001)
	defer func() { _ = conn.Close() }()
	cancel() // it was for the dialing alone
	if got, err := converse(conn, "from host"); err != nil || got != "inside\n" {
		e.Errorf("the program sent %q, %v, want inside", got, err)
	}
	e.sees(info.ID, "until [ -e /tmp/end ]; do sleep 0.01; done; cat /tmp/got", "from host")
}

// listen runs a shell in the background.
func (e *env) listen(id, line string) {
	e.Helper()
	if _, err := e.b.Exec(e.ctx, id, vzcontract.ExecConfig{Args: []string{"sh", "-c", line}, Detach: true}); err != nil {
		e.Fatal(err)
	}
}

// dialClose: the program sees that the host hangs up.
func dialClose(e *env) {
	info := e.running()
	e.listen(info.ID, "nc -l -p 7001 > /tmp/got; echo ended > /tmp/end")
	conn := e.reach(e.ctx, info.ID, 7001)
	if _, err := io.WriteString(conn, "all of it"); err != nil {
		e.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		e.Error(err)
	}
	e.sees(info.ID, "until [ -e /tmp/end ]; do sleep 0.01; done; cat /tmp/got", "all of it")
}

// dialMany: connections at once do not mix.
func dialMany(e *env) {
	const n = 16
	info := e.running()
	for i := range n {
		e.listen(info.ID, fmt.Sprintf("echo %d > /tmp/say%d; nc -l -p %d < /tmp/say%d", i, i, 7000+i, i))
	}
	var all sync.WaitGroup
	for i := range n {
		conn := e.reach(e.ctx, info.ID, uint16(7000+i))
		all.Go(func() {
			defer func() { _ = conn.Close() }()
			if got, err := converse(conn, "x"); err != nil || got != fmt.Sprintln(i) {
				e.Errorf("connection %d: %q, %v", i, got, err)
			}
		})
	}
	all.Wait()
}

func dialRefused(e *env) {
	d := e.dialer()
	info := e.running()
	_, err := d.DialPort(e.ctx, info.ID, 7001)
	e.wantClass("dial a port on which nothing listens", err, vzcontract.ErrUnavailable)
	if !errors.Is(err, vzcontract.ErrRefused) {
		e.Errorf("dial a port on which nothing listens: %v, want ErrRefused", err)
	}
	_, err = d.DialPort(e.ctx, info.ID, 0)
	e.wantClass("dial port 0", err, vzcontract.ErrValidation)
	_, err = d.DialPort(e.ctx, "nobody", 80)
	e.wantClass("dial a missing container", err, vzcontract.ErrNotFound)
	_, err = d.DialPort(e.ctx, e.create(e.config("true")).ID, 80)
	e.wantClass("dial a container that was never started", err, vzcontract.ErrConflict)
	stopped := e.start(e.config("true"))
	e.wait(stopped.ID)
	_, err = d.DialPort(e.ctx, stopped.ID, 80)
	e.wantClass("dial a container that has stopped", err, vzcontract.ErrConflict)
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	if _, err = d.DialPort(ctx, info.ID, 80); !errors.Is(err, context.Canceled) {
		e.Errorf("dial with a cancelled context: %v", err)
	}
}

// dialEnded: a connection ends with its container.
func dialEnded(e *env) {
	info := e.running()
	e.listen(info.ID, "sleep 1000 | nc -l -p 7001")
	conn := e.reach(e.ctx, info.ID, 7001)
	defer func() { _ = conn.Close() }()
	e.kill(info.ID)
	if got, err := io.ReadAll(conn); len(got) > 0 {
		e.Errorf("the killed program has sent %q, %v", got, err)
	}
	if _, err := e.dialer().DialPort(e.ctx, info.ID, 7001); !errors.Is(err, vzcontract.ErrConflict) {
		e.Errorf("dial a container that was killed: %v", err)
	}
}
