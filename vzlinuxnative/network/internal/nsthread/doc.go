// Package nsthread does things in network namespaces, on threads of their own.
package nsthread
