package nft

import "github.com/google/nftables"

// A setKind is one of the table's sets and maps.
type setKind string

// The sets and maps of the table.
const (
	bridges   setKind = "bridges"  // names of bridges
	pairs     setKind = "same"     // in and out interface of one network
	internal  setKind = "internal" // names of bridges without a way out
	subnets4  setKind = "subnets4"
	subnets6  setKind = "subnets6"
	outward4  setKind = "outward4" // subnets with a way out
	outward6  setKind = "outward6"
	port4     setKind = "port4" // address, protocol, port to address, port
	port6     setKind = "port6"
	anyport4  setKind = "anyport4" // protocol, port to address, port
	anyport6  setKind = "anyport6"
	ifaceSize         = 16
)

var setKinds = []setKind{bridges, pairs, internal, subnets4, subnets6, outward4, outward6, port4, port6, anyport4, anyport6}

func (k setKind) set() *nftables.Set {
	proto, port := nftables.TypeInetProto, nftables.TypeInetService
	s := &nftables.Set{Name: string(k)}
	switch k {
	case bridges, internal:
		s.KeyType = nftables.TypeIFName
	case pairs:
		s.KeyType, s.Concatenation = nftables.MustConcatSetType(nftables.TypeIFName, nftables.TypeIFName), true
	case subnets4, outward4:
		s.KeyType, s.Interval = nftables.TypeIPAddr, true
	case subnets6, outward6:
		s.KeyType, s.Interval = nftables.TypeIP6Addr, true
	case port4:
		s.KeyType, s.DataType = nftables.MustConcatSetType(nftables.TypeIPAddr, proto, port), target(nftables.TypeIPAddr)
	case port6:
		s.KeyType, s.DataType = nftables.MustConcatSetType(nftables.TypeIP6Addr, proto, port), target(nftables.TypeIP6Addr)
	case anyport4:
		s.KeyType, s.DataType = nftables.MustConcatSetType(proto, port), target(nftables.TypeIPAddr)
	case anyport6:
		s.KeyType, s.DataType = nftables.MustConcatSetType(proto, port), target(nftables.TypeIP6Addr)
	}
	if s.DataType.Bytes > 0 {
		s.IsMap, s.Concatenation = true, true
	}
	return s
}

func target(address nftables.SetDatatype) nftables.SetDatatype {
	return nftables.MustConcatSetType(address, nftables.TypeInetService)
}
