package owner

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// A volume of the host that the guest has under the same name.
type volume struct {
	users int    // containers
	path  string // in the guest
}

// addVolume puts the host's volume where the guest has that of the same name.
// o.sharing is held.
func (o *owner) addVolume(ctx context.Context, v guest.Volume) error {
	have := o.volumes[v.Name]
	if have.users == 0 {
		info, err := o.runtime.CreateVolume(ctx, vzcontract.VolumeConfig{Name: v.Name})
		if err != nil {
			return err
		}
		req := agentproto.MountRequest{Kind: "bind", Tag: path.Join(guest.SharePath, v.Entry), Path: info.Mountpoint}
		if err := o.agent.Call(ctx, agentproto.MethodMount, req, nil); err != nil {
			return err
		}
		have.path = info.Mountpoint
	}
	have.users++
	o.volumes[v.Name] = have
	return nil
}

// removeVolume takes it away when its last user has gone. o.sharing is held.
func (o *owner) removeVolume(ctx context.Context, v guest.Volume) error {
	have := o.volumes[v.Name]
	if have.users--; have.users > 0 {
		o.volumes[v.Name] = have
		return nil
	}
	delete(o.volumes, v.Name)
	if have.path == "" {
		return nil
	}
	err := o.agent.Call(ctx, agentproto.MethodUnmount, agentproto.FileRequest{Path: have.path}, nil)
	return errors.Join(err, o.runtime.RemoveVolume(ctx, v.Name, true))
}

// removeVolumes removes the volumes that were made for the container.
func (c *contained) removeVolumes() error {
	var errs []error
	for _, v := range c.record.Volumes {
		for _, e := range c.record.Entries {
			if v.Anonymous && e.Name == v.Entry {
				errs = append(errs, os.RemoveAll(filepath.Dir(e.Source))) // that of its data
			}
		}
	}
	return errors.Join(errs...)
}
