// Package copytar packs host files into tar streams for a container and
// unpacks tar streams that come from one. What comes from a container is
// hostile: it is written through an os.Root, so neither names nor links lead
// out of the destination.
package copytar
