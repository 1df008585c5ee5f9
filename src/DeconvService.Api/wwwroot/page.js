// The commands on the page name the address that the page came from.
for (const place of document.querySelectorAll('.origin')) place.textContent = location.origin;
