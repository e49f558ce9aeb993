package agent

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"

	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent/file"
	"vz.internal/vzlinux/internal/agent/forward"
)

// onFile makes a method of a function on one path.
func onFile[Out any](do func(path string) (Out, error)) Method {
	return typed(func(_ context.Context, in agentproto.FileRequest) (Out, error) {
		var zero Out
		if err := file.Check(in.Path); err != nil {
			return zero, err
		}
		out, err := do(in.Path)
		return out, file.Classify(err)
	})
}

func (s *session) addFiles() {
	s.methods[agentproto.MethodFileStat] = onFile(file.Stat)
	s.methods[agentproto.MethodFileList] = onFile(file.List)
	s.methods[agentproto.MethodFileMkdir] = plain(func(_ context.Context, in agentproto.MkdirRequest) error {
		if err := file.Check(in.Path); err != nil {
			return err
		}
		return file.Classify(file.Mkdir(in))
	})
	s.methods[agentproto.MethodFileRemove] = plain(func(_ context.Context, in agentproto.RemoveRequest) error {
		if err := file.Check(in.Path); err != nil {
			return err
		}
		return file.Classify(file.Remove(in))
	})
	s.methods[agentproto.MethodFileRename] = plain(func(_ context.Context, in agentproto.RenameRequest) error {
		for _, path := range []string{in.From, in.To} {
			if err := file.Check(path); err != nil {
				return err
			}
		}
		return file.Classify(os.Rename(in.From, in.To))
	})
	s.methods[agentproto.MethodFileRead] = typed(s.readFile)
	s.methods[agentproto.MethodFileWrite] = typed(s.writeFile)
	s.methods[agentproto.MethodTreeRead] = typed(s.readTree)
	s.methods[agentproto.MethodTreeWrite] = typed(s.writeTree)
	s.methods[agentproto.MethodForward] = typed(s.forward)
	s.methods[agentproto.MethodTransferWait] = typed(func(ctx context.Context, in agentproto.TransferID) (agentproto.TransferStatus, error) {
		return s.agent.transfers.wait(ctx, in.ID)
	})
}

func (s *session) readFile(_ context.Context, in agentproto.FileRequest) (agentproto.Transfer, error) {
	if err := file.Check(in.Path); err != nil {
		return agentproto.Transfer{}, err
	}
	from, err := file.Open(in)
	if err != nil {
		return agentproto.Transfer{}, file.Classify(err)
	}
	return s.agent.transfers.start(&s.agent.streams, func(c agentproto.Conn) (int64, error) {
		defer from.Close()
		return io.Copy(c, from)
	}, func() { _ = from.Close() })
}

func (s *session) writeFile(_ context.Context, in agentproto.FileWriteRequest) (agentproto.Transfer, error) {
	if err := file.Check(in.Path); err != nil {
		return agentproto.Transfer{}, err
	}
	to, err := file.Create(in)
	if err != nil {
		return agentproto.Transfer{}, file.Classify(err)
	}
	return s.agent.transfers.start(&s.agent.streams, func(c agentproto.Conn) (int64, error) {
		defer to.Close()
		n, err := io.Copy(to, c)
		if err == nil {
			err = to.Commit()
		}
		return n, file.Classify(err)
	}, func() { _ = to.Close() })
}

func (s *session) readTree(_ context.Context, in agentproto.FileRequest) (agentproto.Transfer, error) {
	if err := file.Check(in.Path); err != nil {
		return agentproto.Transfer{}, err
	}
	if _, err := os.Lstat(in.Path); err != nil {
		return agentproto.Transfer{}, file.Classify(err)
	}
	return s.agent.transfers.start(&s.agent.streams, func(c agentproto.Conn) (int64, error) {
		w := &counter{Writer: c}
		return w.n, file.Classify(file.Pack(context.Background(), w, filepath.Clean(in.Path)))
	}, func() {})
}

func (s *session) writeTree(_ context.Context, in agentproto.FileRequest) (agentproto.Transfer, error) {
	if err := file.Check(in.Path); err != nil {
		return agentproto.Transfer{}, err
	}
	return s.agent.transfers.start(&s.agent.streams, func(c agentproto.Conn) (int64, error) {
		return 0, file.Classify(file.Unpack(context.Background(), c, in.Path))
	}, func() {})
}

func (s *session) forward(ctx context.Context, in agentproto.ForwardRequest) (agentproto.Transfer, error) {
	guest, err := forward.Dial(ctx, in)
	if err != nil {
		return agentproto.Transfer{}, err
	}
	return s.carry(guest)
}

// carry issues a token for the host's end of a connection of the guest.
func (s *session) carry(guest net.Conn) (agentproto.Transfer, error) {
	token, err := s.agent.streams.Issue(func(c agentproto.Conn) { go forward.Copy(c, guest) }, func() { _ = guest.Close() })
	if err != nil {
		_ = guest.Close()
	}
	return agentproto.Transfer{Token: token}, err
}

// A counter counts what is written.
type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}
