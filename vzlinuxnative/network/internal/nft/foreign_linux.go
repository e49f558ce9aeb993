package nft

import (
	"bytes"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Obstacles say, for each family, which foreign rules keep a bridge's traffic
// from being routed; empty is none.
type Obstacles struct{ IPv4, IPv6 string }

// Obstacles looks for tables of others whose rules end in dropping what is
// forwarded: no rule of ours can overrule them. Where one of a table's rules
// names the bridge, its administrator has provided for it and the table is no
// obstacle. What single rules in the middle do is not judged.
func (t *Table) Obstacles(bridge string) (Obstacles, error) {
	var found Obstacles
	c, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return found, err
	}
	defer func() { _ = c.CloseLasting() }()
	chains, err := c.ListChains()
	if err != nil {
		return found, fmt.Errorf("list nftables chains: %w", err)
	}
	for _, chain := range chains {
		if chain.Hooknum == nil || *chain.Hooknum != *nftables.ChainHookForward || chain.Type != nftables.ChainTypeFilter {
			continue
		}
		family := chain.Table.Family
		if family != nftables.TableFamilyIPv4 && family != nftables.TableFamilyIPv6 && family != nftables.TableFamilyINet {
			continue
		}
		if family == nftables.TableFamilyINet && chain.Table.Name == t.name {
			continue
		}
		drops, err := endsInDrop(c, chain)
		if err != nil {
			return found, err
		}
		if !drops || names(c, chain.Table, chains, bridge) {
			continue
		}
		reason := fmt.Sprintf("chain %s of nftables table %s %s drops what is forwarded", chain.Name, familyName(family), chain.Table.Name)
		if family != nftables.TableFamilyIPv6 {
			found.IPv4 = reason
		}
		if family != nftables.TableFamilyIPv4 {
			found.IPv6 = reason
		}
	}
	if found.IPv4 == "" && legacyDrops(bridge) {
		found.IPv4 = "chain FORWARD of iptables (legacy) drops what is forwarded"
	}
	return found, nil
}

func familyName(f nftables.TableFamily) string {
	switch f {
	case nftables.TableFamilyIPv4:
		return "ip"
	case nftables.TableFamilyIPv6:
		return "ip6"
	}
	return "inet"
}

// endsInDrop tells whether a packet that no rule of chain decides about is
// dropped, by the policy or by a last rule without a condition.
func endsInDrop(c *nftables.Conn, chain *nftables.Chain) (bool, error) {
	if chain.Policy != nil && *chain.Policy == nftables.ChainPolicyDrop {
		return true, nil
	}
	rules, err := c.GetRules(chain.Table, chain)
	if err != nil || len(rules) == 0 {
		return false, err
	}
	drops := false
	for _, e := range rules[len(rules)-1].Exprs {
		switch e := e.(type) {
		case *expr.Counter, *expr.Log, *expr.Limit:
		case *expr.Reject:
			drops = true
		case *expr.Verdict:
			drops = e.Kind == expr.VerdictDrop
		case *expr.Target:
			drops = e.Name == "REJECT" || e.Name == "DROP"
		default:
			return false, nil // a condition
		}
	}
	return drops, nil
}

// names tells whether a rule of a table compares an interface with bridge.
func names(c *nftables.Conn, table *nftables.Table, chains []*nftables.Chain, bridge string) bool {
	for _, chain := range chains {
		if chain.Table.Name != table.Name || chain.Table.Family != table.Family {
			continue
		}
		rules, err := c.GetRules(table, chain)
		if err != nil {
			continue
		}
		for _, r := range rules {
			for _, e := range r.Exprs {
				cmp, ok := e.(*expr.Cmp)
				if ok && cmp.Op == expr.CmpOpEq && bytes.Equal(bytes.TrimRight(cmp.Data, "\x00"), []byte(bridge)) {
					return true
				}
			}
		}
	}
	return false
}
