package reference

import (
	"net/netip"
	"strings"

	"vz.internal/vzcontract"
)

const (
	maxNameLength = 255 // of registry and repository together, as Docker's
	maxTagLength  = 128
)

// Parse reads a reference as people type it. The error matches
// [vzcontract.ErrValidation] and says which part is wrong.
func Parse(s string) (Reference, error) {
	ref, reason := parse(s)
	if reason != "" {
		return Reference{}, vzcontract.Errorf(vzcontract.ErrValidation, "image reference %q: %s", shorten(s), reason)
	}
	return ref, nil
}

func parse(s string) (ref Reference, reason string) {
	if s == "" {
		return ref, "is empty; give a name such as debian:12"
	}
	if scheme, rest, found := strings.Cut(s, "://"); found {
		return ref, "has no scheme; leave out " + shorten(scheme) + "://, as in " + shorten(rest)
	}
	name, digest, pinned := strings.Cut(s, "@")
	if pinned {
		if reason := checkDigest(digest); reason != "" {
			return ref, reason
		}
	}
	// A colon after the last slash starts a tag; one before it is a port.
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
		if reason := checkTag(tag); reason != "" {
			return ref, reason
		}
	}
	if isHex(name, 64) {
		return ref, "64 hexadecimal digits are an image id, not a name"
	}
	registry, repository := splitRegistry(name)
	if reason := checkRegistry(registry); reason != "" {
		return ref, reason
	}
	if reason := checkRepository(repository); reason != "" {
		return ref, reason
	}
	if len(registry)+1+len(repository) > maxNameLength {
		return ref, "the name is longer than 255 characters"
	}
	if tag == "" && !pinned {
		tag = DefaultTag
	}
	return Reference{Registry: registry, Repository: repository, Tag: tag, Digest: digest}, ""
}

// splitRegistry tells a registry from the first part of a path: it has a dot,
// a port or an upper-case letter in it, or is localhost.
func splitRegistry(name string) (registry, repository string) {
	first, rest, found := strings.Cut(name, "/")
	if !found || !(strings.ContainsAny(first, ".:") || first == "localhost" || strings.ToLower(first) != first) {
		first, rest = DefaultRegistry, name
	}
	if first == "index.docker.io" {
		first = DefaultRegistry
	}
	if first == DefaultRegistry && !strings.Contains(rest, "/") {
		rest = DefaultNamespace + rest
	}
	return first, rest
}

func checkRegistry(registry string) (reason string) {
	host, port, hasPort := registry, "", false
	if strings.HasPrefix(registry, "[") {
		inside, after, closed := strings.Cut(registry[1:], "]")
		addr, err := netip.ParseAddr(inside)
		if !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "the registry is not an IPv6 address in brackets"
		}
		if after != "" && after[0] != ':' {
			return "text between the registry's address and its port"
		}
		host, hasPort, port = "", after != "", strings.TrimPrefix(after, ":")
	} else {
		host, port, hasPort = strings.Cut(registry, ":")
	}
	if hasPort && !all(port, isDigit) {
		return "the registry's port is not a number"
	}
	if strings.HasPrefix(registry, "[") {
		return ""
	}
	for label := range strings.SplitSeq(host, ".") {
		if !all(label, isHostChar) || label[0] == '-' || label[len(label)-1] == '-' {
			return "the registry is not a host name"
		}
	}
	return ""
}

func checkRepository(repository string) (reason string) {
	if strings.ToLower(repository) != repository {
		return "the repository must be lower case"
	}
	for part := range strings.SplitSeq(repository, "/") {
		if !validComponent(part) {
			return "each part of the repository must be letters and digits, joined by single dots, one or two underscores, or dashes"
		}
	}
	return ""
}

// validComponent matches [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*.
func validComponent(part string) bool {
	if part == "" || !isAlnum(part[0]) || !isAlnum(part[len(part)-1]) {
		return false
	}
	for i := 0; i < len(part); {
		if isAlnum(part[i]) {
			i++
			continue
		}
		start := i
		for !isAlnum(part[i]) { // ends: the last character is one
			if part[i] != part[start] {
				return false
			}
			i++
		}
		switch run := i - start; part[start] {
		case '.':
			if run > 1 {
				return false
			}
		case '_':
			if run > 2 {
				return false
			}
		case '-':
		default:
			return false
		}
	}
	return true
}

func checkTag(tag string) (reason string) {
	if len(tag) == 0 || len(tag) > maxTagLength || !all(tag, isTagChar) || tag[0] == '.' || tag[0] == '-' {
		return "the tag must be 1 to 128 letters, digits, dots, dashes and underscores, and start with none of the former two"
	}
	return ""
}

func checkDigest(digest string) (reason string) {
	algorithm, hex, found := strings.Cut(digest, ":")
	switch {
	case !found:
		return "a digest has the form sha256:<64 hexadecimal digits>"
	case algorithm != "sha256":
		return "only sha256 digests are supported"
	case !isHex(hex, 64):
		return "the digest is not 64 lower-case hexadecimal digits"
	}
	return ""
}

// ParseRegistry reads the name of a registry as people type it: a host with or
// without a port, perhaps as a URL; "" is Docker Hub.
func ParseRegistry(s string) (string, error) {
	name := strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
	name, path, _ := strings.Cut(name, "/")
	switch {
	case name == "" && path == "" || name == "index.docker.io" || name == "registry-1.docker.io":
		return DefaultRegistry, nil
	case strings.Trim(path, "/") != "" && path != "v1/" && path != "v2/":
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "registry %q: give the host alone, without a path", shorten(s))
	}
	if reason := checkRegistry(name); reason != "" {
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "registry %q: %s", shorten(s), reason)
	}
	return name, nil
}
