// Package kind brings images to kind clusters (https://kind.sigs.k8s.io): Kubernetes whose nodes are containers of a
// Docker Engine. [Find] returns a [Cluster] by its name; [Cluster.Has] and [Cluster.Import] run containerd's own command
// in each node.
package kind
