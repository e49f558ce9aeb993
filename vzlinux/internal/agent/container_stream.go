package agent

import (
	"context"
	"encoding/json"
	"io"
	"os"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent/image"
)

// send starts a transfer to the host. work's context ends when the host hangs up;
// gone is called instead of it if the host never comes.
func (s *session) send(work func(ctx context.Context, w io.Writer) error, gone func()) (agentproto.Transfer, error) {
	return s.agent.transfers.start(&s.agent.streams, func(c agentproto.Conn) (int64, error) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			_, _ = io.Copy(io.Discard, c) // until its end
			cancel()
		}()
		w := &counter{Writer: c}
		err := work(ctx, w)
		return w.n, err
	}, gone)
}

func nothing() {}

func (s *session) addContainerStreams(b vzcontract.RuntimeBackend) {
	s.methods[agentproto.MethodContainerLogs] = typed(func(ctx context.Context, in agentproto.ContainerLogs) (agentproto.Transfer, error) {
		if _, err := b.Inspect(ctx, in.Container.Container); err != nil {
			return agentproto.Transfer{}, err
		}
		return s.send(func(ctx context.Context, w io.Writer) error {
			lines := json.NewEncoder(w)
			return b.Logs(ctx, in.Container.Container, in.Options, func(e vzcontract.LogEntry) error { return lines.Encode(e) })
		}, nothing)
	})
	s.methods[agentproto.MethodContainerEvents] = feature(b, func(_ context.Context, b vzcontract.EventSource, in vzcontract.EventOptions) (agentproto.Transfer, error) {
		return s.send(func(ctx context.Context, w io.Writer) error {
			lines := json.NewEncoder(w)
			return b.Events(ctx, in, func(e vzcontract.Event) error { return lines.Encode(e) })
		}, nothing)
	})
	s.methods[agentproto.MethodContainerExport] = feature(b, func(_ context.Context, b vzcontract.Committer, in agentproto.Container) (agentproto.Transfer, error) {
		return s.send(func(ctx context.Context, w io.Writer) error { return b.Export(ctx, in.Container, w) }, nothing)
	})
	s.methods[agentproto.MethodContainerCommit] = feature(b, func(_ context.Context, b vzcontract.Committer, in agentproto.ContainerCommit) (agentproto.Transfer, error) {
		return s.send(func(ctx context.Context, w io.Writer) error {
			_, err := b.Commit(image.WithLayer(ctx, w), in.Container.Container, in.Options)
			return err
		}, nothing)
	})
	s.methods[agentproto.MethodContainerStat] = feature(b, func(ctx context.Context, b vzcontract.Copier, in agentproto.ContainerPath) (agentproto.PathStat, error) {
		stat, err := b.StatPath(ctx, in.Container.Container, string(in.Path))
		return agentproto.WirePathStat(stat), err
	})
	s.methods[agentproto.MethodContainerCopyOut] = feature(b, func(_ context.Context, b vzcontract.Copier, in agentproto.ContainerPath) (agentproto.CopyOut, error) {
		return s.copyOut(b, in)
	})
	s.methods[agentproto.MethodContainerCopyIn] = feature(b, func(_ context.Context, b vzcontract.Copier, in agentproto.ContainerCopyIn) (agentproto.Transfer, error) {
		return s.agent.transfers.start(&s.agent.streams, func(c agentproto.Conn) (int64, error) {
			return 0, b.CopyIn(context.Background(), in.Container.Container, string(in.Path), c, in.Options)
		}, nothing)
	})
}

// copyOut keeps the backend's stream open until the host has taken it.
func (s *session) copyOut(b vzcontract.Copier, in agentproto.ContainerPath) (agentproto.CopyOut, error) {
	// The request's own context ends with the answer.
	ctx, cancel := context.WithCancel(context.Background())
	tar, stat, err := b.CopyOut(ctx, in.Container.Container, string(in.Path))
	if err != nil {
		cancel()
		return agentproto.CopyOut{}, err
	}
	end := func() {
		cancel()
		_ = tar.Close()
	}
	t, err := s.send(func(_ context.Context, w io.Writer) error {
		defer end()
		_, err := io.Copy(w, tar)
		return err
	}, end)
	return agentproto.CopyOut{Transfer: t, Stat: agentproto.WirePathStat(stat)}, err
}

// feed copies the host's input to a workload until either ends it.
func feed(to *os.File, from agentproto.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

// drain copies a workload's output to the host. Who writes gets an error when the
// host reads no more.
func drain(to agentproto.Conn, from *os.File) {
	_, _ = io.Copy(to, from)
	_ = from.Close()
	_ = to.CloseWrite()
	_ = to.Close()
}
