"""Many documents at once: what lies in the upload folders, a plan to upload some of it, and carrying that out."""
