package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"io"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

func (s *session) addContainerFiles(b vzcontract.RuntimeBackend) {
	s.methods[agentproto.MethodContainerListDir] = feature(b, func(ctx context.Context, b vzcontract.FileManager, in agentproto.ContainerPath) (agentproto.Transfer, error) {
		list, err := b.ListDir(ctx, in.Container.Container, string(in.Path))
		if err != nil {
			return agentproto.Transfer{}, err
		}
		return s.send(func(_ context.Context, w io.Writer) error {
			out := bufio.NewWriterSize(w, 64<<10)
			lines := json.NewEncoder(out)
			for _, stat := range list {
				if err := lines.Encode(agentproto.WirePathStat(stat)); err != nil {
					return err
				}
			}
			return out.Flush()
		}, nothing)
	})
	s.methods[agentproto.MethodContainerMakeDir] = act(b, func(ctx context.Context, b vzcontract.FileManager, in agentproto.ContainerMakeDir) error {
		return b.MakeDir(ctx, in.Container.Container, string(in.Path), in.Mode)
	})
	s.methods[agentproto.MethodContainerRemovePath] = act(b, func(ctx context.Context, b vzcontract.FileManager, in agentproto.ContainerPath) error {
		return b.RemovePath(ctx, in.Container.Container, string(in.Path))
	})
	s.methods[agentproto.MethodContainerMovePath] = act(b, func(ctx context.Context, b vzcontract.FileManager, in agentproto.ContainerMove) error {
		return b.MovePath(ctx, in.Container.Container, string(in.Path), string(in.To))
	})
	s.methods[agentproto.MethodContainerWatch] = feature(b, func(_ context.Context, b vzcontract.FileWatcher, in agentproto.ContainerWatch) (agentproto.Transfer, error) {
		return s.send(func(ctx context.Context, w io.Writer) error {
			lines := json.NewEncoder(w)
			return b.WatchFiles(ctx, in.Container.Container, string(in.Path), in.Options, func(e vzcontract.FileEvent) error {
				return lines.Encode(agentproto.WireFileEvent(e))
			})
		}, nothing)
	})
}
