// Package vzoci keeps OCI images: it pulls, pushes, stores and unpacks them.
package vzoci
