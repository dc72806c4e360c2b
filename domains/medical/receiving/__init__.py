"""What comes over the network: the DICOM listener, the index of what it received, and fetching by DICOMweb."""
