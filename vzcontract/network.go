package vzcontract

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Networks makes and changes networks.
type Networks interface {
	CreateNetwork(ctx context.Context, cfg NetworkConfig) (NetworkInfo, error)
	ListNetworks(ctx context.Context) ([]NetworkInfo, error)
	InspectNetwork(ctx context.Context, network string) (NetworkInfo, error)
	// RemoveNetwork of one in use is ErrConflict.
	RemoveNetwork(ctx context.Context, network string) error
	PruneNetworks(ctx context.Context) (PruneReport, error)
	ConnectNetwork(ctx context.Context, container string, at NetworkAttach) error
	DisconnectNetwork(ctx context.Context, container, network string) error
}

// NetworkConfig describes a network to make.
type NetworkConfig struct {
	Name     string            `json:"name"`
	Driver   string            `json:"driver,omitempty"` // "bridge"
	Subnets  []string          `json:"subnets,omitempty"`
	Gateways []string          `json:"gateways,omitempty"`
	Ranges   []string          `json:"ranges,omitempty"`
	IPv6     bool              `json:"ipv6,omitempty"`
	Internal bool              `json:"internal,omitempty"`
	MTU      int               `json:"mtu,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Options  map[string]string `json:"options,omitempty"`
	// SharedVM names the shared machine whose containers alone can be on the
	// network; see [SharedVM].
	SharedVM string `json:"sharedVM,omitempty"`
}

// NetworkInfo is a network as it is.
type NetworkInfo struct {
	NetworkConfig
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	// Interface is the host's bridge.
	Interface string `json:"interface,omitempty"`
	// Containers maps container ids to their place.
	Containers map[string]NetworkEndpoint `json:"containers,omitempty"`
}

// Volumes makes and removes named storage.
type Volumes interface {
	// CreateVolume is idempotent for the same driver and options.
	CreateVolume(ctx context.Context, cfg VolumeConfig) (VolumeInfo, error)
	ListVolumes(ctx context.Context) ([]VolumeInfo, error)
	InspectVolume(ctx context.Context, name string) (VolumeInfo, error)
	// RemoveVolume of one in use is ErrConflict.
	RemoveVolume(ctx context.Context, name string, force bool) error
	// PruneVolumes removes unused anonymous volumes, with all unused ones.
	PruneVolumes(ctx context.Context, all bool) (PruneReport, error)
}

// VolumeConfig describes a volume to make; an empty name makes an anonymous one.
type VolumeConfig struct {
	Name    string            `json:"name"`
	Driver  string            `json:"driver,omitempty"` // "local"
	Options map[string]string `json:"options,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
}

// VolumeInfo is a volume as it is.
type VolumeInfo struct {
	VolumeConfig
	Anonymous  bool      `json:"anonymous,omitempty"`
	Mountpoint string    `json:"mountpoint"`
	CreatedAt  time.Time `json:"createdAt"`
	UsedBy     []string  `json:"usedBy,omitempty"` // container ids
}

// Attachments are the networks that a container is on, the primary one first;
// none with NetworkMode "none", "host" or "container:NAME". MACAddress is that of
// the primary one.
func (c RunConfig) Attachments() []NetworkAttach {
	mode := c.NetworkMode
	if mode == "none" || mode == "host" || strings.HasPrefix(mode, "container:") {
		return nil
	}
	list := slices.Clone(c.Networks)
	if mode != "" || len(list) == 0 {
		if mode == "" {
			mode = "bridge"
		}
		first := NetworkAttach{Network: mode}
		if i := slices.IndexFunc(list, func(a NetworkAttach) bool { return a.Network == mode }); i >= 0 {
			first = list[i]
			list = slices.Delete(list, i, i+1)
		}
		list = slices.Insert(list, 0, first)
	}
	if list[0].MACAddress == "" {
		list[0].MACAddress = c.MACAddress
	}
	return list
}

// NameNetworks puts the names of the container's networks in the place of what may be ids.
// name finds one; its error ends the work.
func (c *RunConfig) NameNetworks(name func(ref string) (string, error)) error {
	if len(c.Attachments()) == 0 {
		return nil
	}
	var refs []*string
	if c.NetworkMode != "" {
		refs = append(refs, &c.NetworkMode)
	}
	c.Networks = slices.Clone(c.Networks)
	for i := range c.Networks {
		refs = append(refs, &c.Networks[i].Network)
	}
	for _, ref := range refs {
		found, err := name(*ref)
		if err != nil {
			return err
		}
		*ref = found
	}
	return nil
}

// ConfiguredEndpoints are the places of a container that does not run: the networks that it
// will be on, by name and alias, without ids and addresses. Without any networks "host"
// and "none" are one.
func ConfiguredEndpoints(mode string, on []NetworkAttach) []NetworkEndpoint {
	if len(on) == 0 && (mode == "host" || mode == "none") {
		return []NetworkEndpoint{{Network: mode}}
	}
	var all []NetworkEndpoint
	for _, at := range on {
		all = append(all, NetworkEndpoint{Network: at.Network, Aliases: at.Aliases})
	}
	return all
}

// A NetworkCard is a card of a virtual machine as its guest is to configure it: like
// an interface of a container.
type NetworkCard struct {
	// Hardware is the address that the card was made with, which tells it from
	// others; MAC is the one that it gets.
	Hardware  string         `json:"hardware"`
	MAC       string         `json:"mac"`
	Name      string         `json:"name"` // "eth0"
	MTU       int            `json:"mtu"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	// Gateways are the ways to everywhere else, one of each family at most.
	Gateways []netip.Addr `json:"gateways,omitempty"`
}
