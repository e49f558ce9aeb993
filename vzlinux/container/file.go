package container

import (
	"context"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

func located(container, path string) agentproto.ContainerPath {
	return agentproto.ContainerPath{Container: named(container), Path: agentproto.Name(path)}
}

// maxListing is how many bytes of names and links of one directory are kept: the guest
// may not be itself any more.
const maxListing = 64 << 20

// ListDir implements vzcontract.FileManager.
func (r *Runtime) ListDir(ctx context.Context, container, path string) ([]vzcontract.PathStat, error) {
	list, size := []vzcontract.PathStat{}, 0
	err := values(ctx, r, agentproto.MethodContainerListDir, located(container, path), func(stat agentproto.PathStat) error {
		list = append(list, stat.Stat())
		size += len(stat.Name) + len(stat.LinkTarget)
		if len(list) > vzcontract.MaxDirEntries || size > maxListing {
			return vzcontract.Errorf(vzcontract.ErrInternal, "%s: the guest lists more than it may", vzcontract.ShownPath(path))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// MakeDir implements vzcontract.FileManager.
func (r *Runtime) MakeDir(ctx context.Context, container, path string, mode uint32) error {
	req := agentproto.ContainerMakeDir{ContainerPath: located(container, path), Mode: mode}
	return r.agent.Call(ctx, agentproto.MethodContainerMakeDir, req, nil)
}

// RemovePath implements vzcontract.FileManager.
func (r *Runtime) RemovePath(ctx context.Context, container, path string) error {
	return r.agent.Call(ctx, agentproto.MethodContainerRemovePath, located(container, path), nil)
}

// MovePath implements vzcontract.FileManager.
func (r *Runtime) MovePath(ctx context.Context, container, from, to string) error {
	req := agentproto.ContainerMove{ContainerPath: located(container, from), To: agentproto.Name(to)}
	return r.agent.Call(ctx, agentproto.MethodContainerMovePath, req, nil)
}

// WatchFiles implements vzcontract.FileWatcher.
func (r *Runtime) WatchFiles(ctx context.Context, container, path string, opts vzcontract.WatchOptions, emit func(vzcontract.FileEvent) error) error {
	req := agentproto.ContainerWatch{ContainerPath: located(container, path), Options: opts}
	return values(ctx, r, agentproto.MethodContainerWatch, req, func(e agentproto.FileEvent) error { return emit(e.Event()) })
}
