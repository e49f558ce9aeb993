package agentproto

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// The protocol revisions that this build speaks.
const (
	MinRevision = 1
	MaxRevision = 1
)

// handshakeTime is how long a peer may take for its hello, handshakeSize how long
// that may be.
const (
	handshakeTime = 10 * time.Second
	handshakeSize = 64 << 10
)

// ErrRevision is matched when host and agent have no protocol revision in common.
var ErrRevision = errors.New("no protocol revision in common")

// A Hello is the first frame that each side sends.
type Hello struct {
	MinRevision  int      `json:"min_revision"`
	MaxRevision  int      `json:"max_revision"`
	Version      string   `json:"version"`                // of the program, for people
	OS           string   `json:"os,omitempty"`           // agent only, as GOOS
	Arch         string   `json:"arch,omitempty"`         // agent only, as GOARCH
	Capabilities []string `json:"capabilities,omitempty"` // agent only
}

// Negotiate returns the revision that host and agent both speak: the lower of
// their newest. Without one the error matches [ErrRevision] and says which side
// to update.
func Negotiate(host, agent Hello) (int, error) {
	revision := min(host.MaxRevision, agent.MaxRevision)
	switch {
	case host.MinRevision > host.MaxRevision || agent.MinRevision > agent.MaxRevision || revision < 1:
		return 0, fmt.Errorf("%w: host %s, agent %s", ErrRevision, host.revisions(), agent.revisions())
	case revision < host.MinRevision:
		return 0, fmt.Errorf("%w: the agent %q speaks %s, the host %q %s: update the agent (build the guest bundle anew)",
			ErrRevision, agent.Version, agent.revisions(), host.Version, host.revisions())
	case revision < agent.MinRevision:
		return 0, fmt.Errorf("%w: the host %q speaks %s, the agent %q %s: update vz on the host",
			ErrRevision, host.Version, host.revisions(), agent.Version, agent.revisions())
	}
	return revision, nil
}

func (h Hello) revisions() string {
	if h.MinRevision == h.MaxRevision {
		return fmt.Sprintf("revision %d", h.MinRevision)
	}
	return fmt.Sprintf("revisions %d to %d", h.MinRevision, h.MaxRevision)
}

func sendHello(conn net.Conn, hello Hello) error {
	payload, err := json.Marshal(hello)
	if err != nil {
		return err
	}
	return WriteFrame(conn, payload)
}

func receiveHello(conn net.Conn) (Hello, error) {
	var hello Hello
	payload, err := ReadFrame(conn, handshakeSize)
	if err != nil {
		return hello, err
	}
	return parseHello(payload)
}

func parseHello(payload []byte) (Hello, error) {
	var hello Hello
	if err := json.Unmarshal(payload, &hello); err != nil {
		return hello, fmt.Errorf("parse hello: %w", err)
	}
	return hello, nil
}

// limited runs step with a deadline on conn that also ends with ctx.
func limited(ctx context.Context, conn net.Conn, d time.Duration, step func() error) error {
	if err := conn.SetDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err := step()
	if !stop() {
		return ctx.Err()
	}
	return errors.Join(err, conn.SetDeadline(time.Time{}))
}
