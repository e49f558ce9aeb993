// Package web has the programs of vz-box for networks: httpd, wget and nc.
// They speak HTTP/1.1 themselves, without TLS: net/http would double the size
// of the binary.
package web
